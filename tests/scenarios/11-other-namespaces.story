# Containers have tables of their own, under the same limit; the kernel log names theirs by inode.

table max=262144 count=100 inode=4026531840
look at 1s
log netns/4026532246=10
look at 2s
says table_full begin netns_inode=4026532246 level=full log_lines=10 count=- drops=-
log netns/4026532246=10 netns/4026532400=1
look at 7s
says table_full begin netns_inode=4026532400 log_lines=1
log netns/4026532246=10
look at 12s
says nothing
look until 60s
says table_full end netns_inode=4026532400 log_lines=1 level=ok
says table_full end netns_inode=4026532246 log_lines=30 level=ok
says nothing
