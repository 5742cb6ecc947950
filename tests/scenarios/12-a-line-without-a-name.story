# Up to Linux 6.16 the kernel prints the same line for every namespace. It is about our table only
# when our table is nearly full.

table max=262144 count=100
poll at 1s
log full=10
poll at 2s
alerts table_full begin netns_inode=- log_lines=10 drops=- level=full
poll until 20s
alerts table_full end netns_inode=- level=ok
alerts nothing

table count=262144 drop+=5
log full=5
poll at 30s
alerts usage begin level=warning
alerts usage begin level=critical
alerts table_full begin netns_inode=4026531840 log_lines=5 drops=5
poll until 60s
alerts table_full end
