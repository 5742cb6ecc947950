# The module comes late; what had been grown before the boot is back at its first sight, up to the
# ceiling of now.
settings growth: { enabled = true; persist = true; };
source table absent
look at 0s
says blind begin source=table
look until 60s
source table ok
machine kept=1048576/262144
table count=0 max=65536 buckets=65536
look at 61s
says sighted end
says grew begin reason=reserve new_max=253952 new_buckets=1048576
look at 61.002s
says grew begin reason=kept old_max=253952 new_max=1048576
look until 3min
says nothing
