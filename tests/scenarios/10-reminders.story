# A condition that lasts has a reminder every alerts.remind, with the numbers at that time.

settings alerts: { remind = "15min"; };
settings levels: { forecast = 0; };
table max=10000 count=9100
poll at 1s
alerts usage begin level=warning
alerts usage begin level=critical
poll every 1s until 890s
alerts nothing
table count=9200
poll every 1s until 1000s
alerts usage reminder level=critical count=9200 at=901s
poll every 1s until 2000s
alerts usage reminder at=1801s
alerts nothing

# Drops have reminders of their own: one record in a quarter of an hour, not two.
table count=10000
poll every 1s until 3801s drop+=1
alerts table_full begin at=2001s
alerts table_full reminder at=2901s
alerts table_full reminder at=3801s
alerts nothing

# alerts.remind = 0: no reminders.
settings alerts: { remind = 0; };
settings levels: { forecast = 0; };
poll every 1s until 9000s drop+=1
alerts nothing
