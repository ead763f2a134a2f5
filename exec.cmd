@rem npm scripts say `exec node ...`, so that a signal reaches node and not a shell around it; Windows has no exec.
@%*
