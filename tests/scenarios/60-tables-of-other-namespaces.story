# A container's table fills, and drops connections; ours stays calm. Its counters and the kernel log
# are one episode.

table max=1000 count=10 inode=4026531840
namespace web count=100
poll at 1s
alerts nothing
namespace web count=800
poll at 2s
alerts usage begin netns=web level=warning count=800 usage_percent=80.0 drops=0 cause=other_netns priority=-
alerts forecast begin netns=web
alerts nothing

namespace web count=1000 drop+=40
log netns/4026532246=10
poll at 3s
alerts usage begin netns=web level=critical count=1000
alerts table_full begin netns=web level=full count=1000 max=1000 usage_percent=100.0 drops=40 netns_inode=-
alerts nothing

# the line's inode is known from now on, as this was the only namespace that lost connections
namespace web drop+=2
log netns/4026532246=1
poll at 4s
alerts nothing
namespace web count=20
poll every 1s until 30s
alerts table_full end netns=web netns_inode=4026532246 drops=42
alerts usage end netns=web netns_inode=4026532246 level=ok
alerts forecast end netns=web
alerts nothing

# evictions, clashes and long chains, each by its own counter
namespace web early_drop+=7
poll at 31s
alerts usage begin netns=web level=warning
alerts usage begin netns=web level=critical
alerts early_drop begin netns=web early_drops=7 drops=0
namespace web insert_failed+=50 drop+=50
poll at 32s
alerts insert_failed begin netns=web insert_failed=50 drops=0
namespace web chainlength+=5 insert_failed+=5
poll at 33s
alerts chain_too_long begin netns=web chain_too_long=5 cause=too_few_buckets
namespace web drop+=3
poll at 34s
alerts dropped_below_max begin netns=web drops=3
namespace web gone
alerts usage end netns=web level=ok
alerts early_drop end netns=web
alerts chain_too_long end netns=web
alerts dropped_below_max end netns=web
alerts insert_failed end netns=web
poll until 60s
alerts nothing
