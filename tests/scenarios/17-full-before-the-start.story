# The kernel log shows that the table was full before ctwatchd started.

table max=262144 count=3000 drop=777
past full=30
poll at 1s
alerts table_full past level=ok drops=777 log_lines=30 count=3000
poll until 60s
alerts nothing
