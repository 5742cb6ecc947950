# Somebody else writes max or buckets: old and new are told.

settings levels: { forecast = 0; };
table max=262144 buckets=262144 count=4000
look at 1s
table max=5000
look at 2s
says limit_changed begin old_max=262144 new_max=5000 level=warning
says usage begin level=warning usage_percent=80.0 max=5000
table buckets=5120
look until 4s
says limit_changed begin old_buckets=262144 new_buckets=5120 old_max=- new_max=-
table max=262144
look until 20s
says limit_changed begin old_max=5000 new_max=262144
says usage end level=ok
says nothing
