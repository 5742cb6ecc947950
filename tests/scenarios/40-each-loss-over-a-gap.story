# Losses of each kind while no ctwatchd was running; and a change of the limits. The counters cannot be
# read at first.

settings levels: { forecast = 0; };
table max=20000 count=100 buckets=10240
former at 5s
table max=10000 drop+=40 insert_failed+=70 chainlength+=30
source counters failed
poll at 66s
alerts limit_changed begin old_max=20000 new_max=10000
alerts blind begin source=counters
poll until 70s
alerts nothing
source counters ok
poll until 80s
alerts chain_too_long past chain_too_long=30 duration_seconds=66
alerts insert_failed past insert_failed=40
alerts sighted end source=counters
poll until 100s
alerts nothing
