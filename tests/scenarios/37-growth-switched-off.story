# Growth is switched off by a reload: what had been refused, or tried in a dry run, is over.

settings levels: { warning = 98.0; critical = 99.0; forecast = 0; };
settings growth: { enabled = true; ceiling = 65536; buckets = "never"; };
table count=60000 max=65536 buckets=65536
look at 1s
says growth_refused begin reason=at_ceiling
look until 60s
says nothing

settings levels: { warning = 98.0; critical = 99.0; forecast = 0; };
look until 2min
says growth_refused end from=60s by=71s

settings levels: { warning = 98.0; critical = 99.0; forecast = 0; };
settings growth: { dry_run = true; buckets = "never"; };
look until 3min
says growth_dry_run begin reason=fill new_max=311296
settings levels: { warning = 98.0; critical = 99.0; forecast = 0; };
look until 4min
says growth_dry_run end
