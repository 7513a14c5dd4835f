"""Remaining life and failure risk from tables of anyone's machines, and trends to a limit.

`fleet_file` reads run-to-failure text, `regimes` and `windows` make causal features, `remaining`
learns and answers, `rul` is the task behind `evaluate rul`; `tabular` and `pairs` are the tabular
failure risk, `intervals` the risk from ages alone, `degradation` the trends. All of it runs in
workers.
"""
