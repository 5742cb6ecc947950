# A burst from an idle table to drops within one poll: every level passed has its alert, so that a
# rule on one level misses nothing; the loss has its own alert, and only one.

table max=65536 buckets=65536 count=100
poll at 1s
poll every 250ms until 10s
alerts nothing

table count=65536 drop=1200
log full=10
poll at 10250ms
alerts usage begin level=warning count=65536 usage_percent=100.0
alerts usage begin level=critical count=65536
alerts table_full begin level=full drops=1200 log_lines=10 early_drops=0
alerts nothing

# A minute of it: drops at every poll. Nothing new, no alert.
poll every 250ms until 70s drop+=50
alerts nothing

# The drops stop and the table drains. Ten seconds later the loss is over, with its total.
table count=60000
poll until 79s
alerts nothing
poll until 81s
alerts table_full end level=full drops=13150 log_lines=10
alerts usage begin level=critical count=60000
table count=500
poll until 100s
alerts usage end level=ok drops=13150
alerts nothing
