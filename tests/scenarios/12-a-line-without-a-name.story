# Up to Linux 6.16 the kernel prints the same line for every namespace. It is ours only when our
# table shows it.

table max=262144 count=100
look at 1s
log full=10
look at 2s
says table_full begin netns_inode=- log_lines=10 drops=- level=full
look until 20s
says table_full end netns_inode=- level=ok
says nothing

table count=262144 drop+=5
log full=5
look at 30s
says usage begin level=warning
says usage begin level=critical
says table_full begin netns_inode=4026531840 log_lines=5 drops=5
look until 60s
says table_full end
