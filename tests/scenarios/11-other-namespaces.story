# Containers have tables of their own, under the same limit; the kernel log names them by inode.

table max=262144 count=100 inode=4026531840
poll at 1s
log netns/4026532246=10
poll at 2s
alerts table_full begin netns_inode=4026532246 level=full log_lines=10 count=- drops=-
log netns/4026532246=10 netns/4026532400=1
poll at 7s
alerts table_full begin netns_inode=4026532400 log_lines=1
log netns/4026532246=10
poll at 12s
alerts nothing
poll until 60s
alerts table_full end netns_inode=4026532400 log_lines=1 level=ok
alerts table_full end netns_inode=4026532246 log_lines=30 level=ok
alerts nothing
