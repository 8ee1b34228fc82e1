"""ChannelAttribution on the same generated paths: heuristics and Markov of order 1, CPU seconds without reading."""
import contextlib, json, sys, time
import pandas as pd

# It greets on standard output.
with contextlib.redirect_stdout(sys.stderr):
    import ChannelAttribution as ca

rows = pd.read_csv(sys.argv[1])
for name, work in [
    ("heuristics", lambda: ca.heuristic_models(rows, "path", "total_conversions", var_value="total_conversion_value", sep=">", flg_pro=False)),
    ("Markov order 1", lambda: ca.markov_model(rows, "path", "total_conversions", var_value="total_conversion_value", var_null="total_null", order=1, sep=">", verbose=False, flg_pro=False)),
]:
    started = time.process_time()
    with contextlib.redirect_stdout(sys.stderr):
        work()
    print(json.dumps({"figure": name, "value": time.process_time() - started}), flush=True)
