# Growth is switched off by a reload: refusals and dry runs are over.

settings levels: { warning = 98.0; critical = 99.0; forecast = 0; };
settings growth: { enabled = true; ceiling = 65536; buckets = "never"; };
table count=60000 max=65536 buckets=65536
poll at 1s
alerts growth_refused begin reason=at_ceiling
poll until 60s
alerts nothing

settings levels: { warning = 98.0; critical = 99.0; forecast = 0; };
poll until 2min
alerts growth_refused end from=60s by=71s

settings levels: { warning = 98.0; critical = 99.0; forecast = 0; };
settings growth: { dry_run = true; buckets = "never"; };
poll until 3min
alerts growth_dry_run begin reason=fill new_max=311296
settings levels: { warning = 98.0; critical = 99.0; forecast = 0; };
poll until 4min
alerts growth_dry_run end
