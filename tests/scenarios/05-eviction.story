# A full table of unassured entries logs nothing: the kernel makes room by evicting live entries.

table max=10000 count=9800
poll at 1s
alerts usage begin level=warning
alerts usage begin level=critical
table count=10000 early_drop=40
poll at 2s
alerts early_drop begin level=full early_drops=40 drops=0 log_lines=0
# Its count varies just below max meanwhile. That is no forecast: the table is full.
poll every 250ms until 11s count=9990 early_drop+=10
poll every 250ms until 20s count=9999 early_drop+=10
alerts nothing
poll until 40s
alerts early_drop end early_drops=760
alerts nothing

# A forecast that has come true goes on until the table is no longer full.
settings levels: { hold = "3s"; };
table count=1000
poll until 60s
alerts usage end level=ok
poll until 70s count=8000
alerts forecast begin level=ok
alerts usage begin level=warning
poll until 72s count=10000
alerts usage begin level=critical
alerts usage begin level=full
table early_drop+=10
poll every 250ms until 80s count=9990 early_drop+=10
poll every 250ms until 90s count=9999 early_drop+=10
alerts early_drop begin level=full
alerts nothing
table count=1000
poll until 2min
alerts usage end level=ok
alerts forecast end level=ok
alerts early_drop end
