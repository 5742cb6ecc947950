# Another program writes max or buckets: the alert has the old and the new value.

settings levels: { forecast = 0; };
table max=262144 buckets=262144 count=4000
poll at 1s
table max=5000
poll at 2s
alerts limit_changed begin old_max=262144 new_max=5000 level=warning
alerts usage begin level=warning usage_percent=80.0 max=5000
table buckets=5120
poll until 4s
alerts limit_changed begin old_buckets=262144 new_buckets=5120 old_max=- new_max=-
table max=262144
poll until 20s
alerts limit_changed begin old_max=5000 new_max=262144
alerts usage end level=ok
alerts nothing
