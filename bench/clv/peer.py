"""lifetimes on the same transactions: summary left out, fit only, CPU seconds."""
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd
if not hasattr(np, "float"): np.float = float
from lifetimes import BetaGeoFitter, ModifiedBetaGeoFitter, ParetoNBDFitter
from lifetimes.utils import summary_data_from_transaction_data

rows = pd.read_csv(sys.argv[1])
summary = summary_data_from_transaction_data(rows, "customer_id", "date", observation_period_end="1997-09-30")
summary["recency"] /= 7
summary["T"] /= 7
for name, make in [("bg-nbd", BetaGeoFitter), ("mbg-nbd", ModifiedBetaGeoFitter), ("pareto-nbd", ParetoNBDFitter)]:
    started = time.process_time()
    try:
        fit = make().fit(summary["frequency"], summary["recency"], summary["T"])
        print(json.dumps({"figure": name, "value": time.process_time() - started, "logLikelihood": -fit._negative_log_likelihood_ * len(summary) if fit._negative_log_likelihood_ < 1000 else -fit._negative_log_likelihood_}), flush=True)
    except Exception as error:
        print(json.dumps({"figure": f"{name} failed", "value": time.process_time() - started, "because": type(error).__name__}), flush=True)
