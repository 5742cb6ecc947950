# The administrator requests culprits (SIGUSR1): an alert with the fill and the talkers.

settings levels: { forecast = 0; };
talkers entries=5000 margin=138 assured=10 source=192.0.2.7/100
table max=10000 count=6000
poll at 1s
alerts nothing
requested
poll at 2s
alerts usage reminder level=ok top_source=192.0.2.7~1.0%
# A table less than half full is not walked: another namespace may hold most of the entries.
table count=1000
requested
poll at 300s
alerts usage reminder level=ok top_source=-
walks at_most 1
