# A dry run: one alert for each growth that would be made, and no growth.
settings growth: { dry_run = true; reserve = "100ms"; };
settings levels: { forecast = 0; };
table count=0 max=65536 buckets=262144
poll at 0s
alerts growth_dry_run begin reason=startup new_buckets=1668096
poll until 15s
alerts growth_dry_run end
poll until 60s count=40000
alerts growth_dry_run begin reason=reserve old_max=65536 new_max=131072
poll until 70s count=60000
alerts usage begin level=warning
alerts usage begin level=critical
table count=1000
poll until 100s
alerts usage end
alerts growth_dry_run end
# Growth enabled
settings growth: { enabled = true; reserve = "100ms"; };
settings levels: { forecast = 0; };
poll at 101s
alerts grew begin reason=startup new_buckets=1668096
