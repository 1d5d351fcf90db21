"""The benchmark `supervisor`: ours, supervisord and circus run the same children and suffer the same faults.

contenders: who runs    running: one run of one    measures: what is done to it    benchmark: rows, targets    child
"""
