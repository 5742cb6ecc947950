# A read-only /proc/sys is found at the start, and said at once with its cure; so is a namespace that
# is not the initial one.
settings growth: { enabled = true; };
machine permission=denied
table count=0 max=262144 buckets=262144
look at 0s
says growth_refused begin reason=not_permitted old_max=- new_max=-
look until 60s
machine permission=granted
look until 80s
says grew begin reason=startup
says growth_refused end
machine permission=child
look at 81s
says growth_refused begin reason=child_namespace
