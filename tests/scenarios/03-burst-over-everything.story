# A burst from an idle table to drops within one look: every threshold passed is told, so a rule
# on one level misses nothing, and the loss is told by its own alert, not twice.

table max=65536 buckets=65536 count=100
look at 1s
look every 250ms until 10s
says nothing

table count=65536 drop=1200
log full=10
look at 10250ms
says usage begin level=warning count=65536 usage_percent=100.0
says usage begin level=critical count=65536
says table_full begin level=full drops=1200 log_lines=10 early_drops=0
says nothing

# A minute of it: ten lines every five seconds, drops at every look. Nothing new, nothing said.
look every 250ms until 70s drop+=50
says nothing

# It stops; the table drains. After ten quiet seconds the loss is over, with its total.
table count=60000
look until 79s
says nothing
look until 81s
says table_full end level=full drops=13150 log_lines=10
says usage begin level=critical count=60000
table count=500
look until 100s
says usage end level=ok drops=13150
says nothing
