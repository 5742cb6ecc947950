# The rate limit of the kernel log is off and it writes ten thousand lines a second: one record.

table max=10000 count=10000
look at 1s
says usage begin level=warning
says usage begin level=critical
says usage begin level=full
log full=1000
table drop+=1000
look at 1100ms
says table_full begin drops=1000 log_lines=1000
log full=3000
table drop+=3000
look at 1300ms
log full=6000
table drop+=6000
look at 2s
says nothing
look until 30s
says table_full end drops=10000 log_lines=10000
says nothing
