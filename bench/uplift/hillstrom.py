"""T-learner of scikit-learn's logistic regression with the areas of scikit-uplift, same folds and columns as ours."""
import json, sys, time
import numpy as np, pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.pipeline import make_pipeline
from sklift.metrics import qini_auc_score

data = pd.read_csv(sys.argv[1])
features = pd.get_dummies(data[["recency", "mens", "womens", "newbie", "zip_code", "channel"]], drop_first=True).astype(float)
features["history"] = np.log1p(data["history"])
fold = np.array([(i * 2654435761) % 2**32 % 5 for i in range(len(data))])
for name, arms in [("any e-mail", ["Mens E-Mail", "Womens E-Mail"]), ("men's", ["Mens E-Mail"]), ("women's", ["Womens E-Mail"])]:
    started = time.process_time()
    keep = data["segment"].isin([*arms, "No E-Mail"]).to_numpy()
    x, y, t, f = features[keep].to_numpy(), data["visit"].to_numpy()[keep], data["segment"].isin(arms).to_numpy()[keep].astype(int), fold[keep]
    score = np.zeros(len(y))
    for part in range(5):
        models = [make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(x[(f != part) & (t == arm)], y[(f != part) & (t == arm)]) for arm in (0, 1)]
        score[f == part] = models[1].predict_proba(x[f == part])[:, 1] - models[0].predict_proba(x[f == part])[:, 1]
    print(json.dumps({"figure": f"T-logistic, {name}, visit: Qini", "value": qini_auc_score(y, score, t), "cpuSeconds": time.process_time() - started}))
