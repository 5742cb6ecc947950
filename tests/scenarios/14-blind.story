# A source that cannot be read has an alert, and another one when it can be read again. Meanwhile
# nothing is decided on the last sample.

settings levels: { forecast = 0; };
table max=10000 count=8000
poll at 1s
alerts usage begin level=warning
source table failed
poll at 2s
alerts blind begin source=table count=- level=-
table count=100
poll until 300s
alerts nothing

# The kernel log still reports drops.
log full=4
poll at 301s
alerts table_full begin level=full log_lines=4 count=-
source table ok
table count=9400
poll at 302s
poll until 304s
alerts sighted end source=table
poll until 330s
alerts table_full end level=full
alerts usage begin level=critical

# A source that fails at every other poll does not fill the journal.
table count=9600
source counters failed
poll at 331s
alerts blind begin source=counters
source counters ok
poll at 331200ms
source counters failed
poll at 331400ms
source counters ok
poll at 331600ms
poll until 332s
alerts nothing
poll until 333s
alerts sighted end source=counters from=332400ms
