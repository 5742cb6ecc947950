# A full table of unassured entries logs nothing: the kernel makes room by evicting live entries.

table max=10000 count=9800
look at 1s
says usage begin level=warning
says usage begin level=critical
table count=10000 early_drop=40
look at 2s
says early_drop begin level=full early_drops=40 drops=0 log_lines=0
# Its count trembles below max meanwhile. That is no table about to fill: it is full.
look every 250ms until 11s count=9990 early_drop+=10
look every 250ms until 20s count=9999 early_drop+=10
says nothing
look until 40s
says early_drop end early_drops=760
says nothing

# A forecast that has come true goes on until the table is no longer full.
settings levels: { hold = "3s"; };
table count=1000
look until 60s
says usage end level=ok
look until 70s count=8000
says forecast begin level=ok
says usage begin level=warning
look until 72s count=10000
says usage begin level=critical
says usage begin level=full
table early_drop+=10
look every 250ms until 80s count=9990 early_drop+=10
look every 250ms until 90s count=9999 early_drop+=10
says early_drop begin level=full
says nothing
table count=1000
look until 2min
says usage end level=ok
says forecast end level=ok
says early_drop end
