# One source holds the table and another opens most of the new flows: alerts name both. An alert that
# a condition is over, one about another namespace, and one without a subscription name neither.
settings levels: { forecast = 0; };
talkers entries=5000 margin=138 assured=8000 risk=280 source=192.0.2.7/9100
table max=10000 buckets=10000 count=1000
poll at 1s
table count=8000
poll at 2s
alerts usage begin level=warning top_source=192.0.2.7~91.0% new_source=-
events created=2000 destroyed=2000
new_sources 198.51.100.9/1900 192.0.2.7/12
poll every 1s until 10s
table count=9500
poll at 11s
alerts usage begin level=critical top_source=192.0.2.7~91.0% new_source=198.51.100.9~1900/s new_rate=2000
log netns/4026532246=3
poll at 12s
alerts table_full begin netns_inode=4026532246 top_source=- new_source=- new_rate=-
table count=100
poll every 1s until 22s
alerts table_full end netns_inode=4026532246
poll every 1s until 23s
alerts usage end level=ok top_source=- new_source=-
