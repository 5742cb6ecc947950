# The module is unloaded and loaded again: its counters start from 0, and its limit is another one.

settings levels: { forecast = 0; };
table max=20000 count=10 drop=500
poll until 10s
source table absent
poll until 12s
alerts blind begin source=table
source table ok
table max=10000 count=10000 drop=5
poll at 13s
alerts limit_changed begin old_max=20000 new_max=10000
alerts usage begin level=warning
alerts usage begin level=critical
alerts table_full begin drops=5
poll until 30s
alerts sighted end source=table
alerts table_full end drops=5
alerts nothing
