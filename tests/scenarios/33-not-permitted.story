# A read-only /proc/sys, or a namespace that is not the initial one, is found at the start and has its
# alert at once.
settings growth: { enabled = true; };
machine permission=denied
table count=0 max=262144 buckets=262144
poll at 0s
alerts growth_refused begin reason=not_permitted old_max=- new_max=-
poll until 60s
machine permission=granted
poll until 80s
alerts grew begin reason=startup
alerts growth_refused end
machine permission=child
poll at 81s
alerts growth_refused begin reason=child_namespace
