# The counters are 32 bits wide and wrap; and they start again from 0 when the module is reloaded.

settings levels: { forecast = 0; };
table max=10000 count=10000 drop=4294967290
poll at 1s
alerts usage begin level=warning
alerts usage begin level=critical
alerts usage begin level=full
table drop=10
poll at 2s
alerts table_full begin drops=16
poll until 30s
alerts table_full end drops=16

table drop=3
poll at 31s
alerts table_full begin drops=19
poll until 60s
alerts table_full end drops=19
