"""What people say about the runs, crews, versions and bills of their team."""
