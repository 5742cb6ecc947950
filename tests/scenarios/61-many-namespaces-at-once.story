# Ten new episodes of other namespaces a minute are alerted, and the rest in one record. What users
# make below user.slice is a warning at most.

table max=1000 count=10 inode=4026531840
namespace n1 count=100
namespace n2 count=100
namespace n3 count=100
namespace n4 count=100
namespace n5 count=100
namespace n6 count=100
namespace n7 count=100
namespace n8 count=100
namespace n9 count=100
namespace n10 count=100
namespace n11 count=100
namespace n12 count=100
namespace n13 count=100
namespace n14 count=100
namespace n1 user=yes
poll at 1s
namespace n1 count=800
namespace n2 count=800
namespace n3 count=800
namespace n4 count=800
namespace n5 count=800
namespace n6 count=800
namespace n7 count=800
namespace n8 count=800
namespace n9 count=800
namespace n10 count=800
namespace n11 count=800
namespace n12 count=800
namespace n13 count=800
namespace n12 count=950
settings levels: { forecast = 0; };
poll at 2s
alerts usage begin netns=n1 level=warning
alerts usage begin netns=n2 level=warning
alerts usage begin netns=n3 level=warning
alerts usage begin netns=n4 level=warning
alerts usage begin netns=n5 level=warning
alerts usage begin netns=n6 level=warning
alerts usage begin netns=n7 level=warning
alerts usage begin netns=n8 level=warning
alerts usage begin netns=n9 level=warning
alerts usage begin netns=n10 level=warning
alerts nothing
# an episode that is alerted goes on
namespace n1 count=1000 drop+=5
poll at 3s
alerts usage begin netns=n1 level=critical
alerts table_full begin netns=n1 drops=5
# one that is not has no end either
namespace n11 count=0
poll every 1s until 20s
alerts table_full end netns=n1
alerts nothing
poll every 1s until 63s
alerts usage begin netns=n12 level=critical more_namespaces=2
alerts nothing
# the next minute has its own ten
namespace n14 count=800
poll at 64s
alerts usage begin netns=n14 level=warning more_namespaces=-
alerts nothing
