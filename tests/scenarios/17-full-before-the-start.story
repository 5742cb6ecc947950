# The kernel log shows that the table was full before the daemon started.

table max=262144 count=3000 drop=777
past full=30
look at 1s
says table_full past level=ok drops=777 log_lines=30 count=3000
look until 60s
says nothing
