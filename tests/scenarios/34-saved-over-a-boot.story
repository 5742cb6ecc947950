# The module is loaded late: the limits grown before the boot are set again as soon as the table is
# there, up to the present ceiling.
settings growth: { enabled = true; persist = true; };
source table absent
poll at 0s
alerts blind begin source=table
poll until 60s
source table ok
machine saved=1048576/262144
table count=0 max=65536 buckets=65536
poll at 61s
alerts sighted end
alerts grew begin reason=reserve new_max=253952 new_buckets=1048576
poll at 61.002s
alerts grew begin reason=kept old_max=253952 new_max=1048576
poll until 3min
alerts nothing
