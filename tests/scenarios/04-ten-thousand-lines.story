# The rate limit of the kernel log is off and it writes ten thousand lines a second: one record.

table max=10000 count=10000
poll at 1s
alerts usage begin level=warning
alerts usage begin level=critical
alerts usage begin level=full
log full=1000
table drop+=1000
poll at 1100ms
alerts table_full begin drops=1000 log_lines=1000
log full=3000
table drop+=3000
poll at 1300ms
log full=6000
table drop+=6000
poll at 2s
alerts nothing
poll until 30s
alerts table_full end drops=10000 log_lines=10000
alerts nothing
