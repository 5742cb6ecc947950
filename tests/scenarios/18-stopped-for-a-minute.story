# The daemon was stopped for a minute, and sees at its next look what happened meanwhile.

settings levels: { forecast = 0; };
table max=10000 count=500
look at 1s
look until 10s
table count=10000 drop+=4000 early_drop+=7
look at 70s
says usage begin level=warning
says usage begin level=critical
says table_full begin drops=4000 early_drops=7 rate=158
says early_drop begin
look until 100s
says table_full end
says early_drop end
