# The counters are 32 bits wide and wrap; and they start again from 0 when the module is reloaded.

settings levels: { forecast = 0; };
table max=10000 count=10000 drop=4294967290
look at 1s
says usage begin level=warning
says usage begin level=critical
says usage begin level=full
table drop+=16
look at 2s
says table_full begin drops=16
look until 30s
says table_full end drops=16

table drop=3
look at 31s
says table_full begin drops=19
look until 60s
says table_full end drops=19
