# ctwatchd was stopped for a minute: its next poll finds the losses of that time.

settings levels: { forecast = 0; };
table max=10000 count=500
poll at 1s
poll until 10s
table count=10000 drop+=4000 early_drop+=7
poll at 70s
alerts usage begin level=warning
alerts usage begin level=critical
alerts table_full begin drops=4000 early_drops=7 rate=158
alerts early_drop begin
poll until 100s
alerts table_full end
alerts early_drop end
