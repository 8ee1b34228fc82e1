"""A table of bench/mix/index.ts in PyMC-Marketing, drawn by nutpie, its fastest sampler, where that is at hand: data as JSON on stdin, figures as JSON on stdout."""
import json
import os
import resource
import sys
import time


def cpu():
    return sum(
        resource.getrusage(who).ru_utime + resource.getrusage(who).ru_stime
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )


def main():
    given = json.load(sys.stdin)
    out, sys.stdout = sys.stdout, sys.stderr
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    import arviz as az
    import pandas as pd
    import pymc_marketing
    from pymc_marketing.mmm import MMM, GeometricAdstock, HillSaturation

    frame = pd.DataFrame({"date": pd.to_datetime(given["weeks"]), **given["spend"]})
    model = MMM(
        date_column="date",
        channel_columns=list(given["spend"]),
        adstock=GeometricAdstock(l_max=8),
        saturation=HillSaturation(),
        yearly_seasonality=3,
    )
    try:
        import nutpie

        sampler, version = "nutpie", f"nutpie {nutpie.__version__}"
    except ImportError:
        sampler, version = "pymc", "its own"
    run = given["run"]
    before, began = cpu(), time.monotonic()
    model.fit(
        frame,
        pd.Series(given["outcome"], name="y"),
        chains=run["chains"],
        tune=run["warmup"],
        draws=run["draws"],
        cores=2,
        random_seed=1,
        progressbar=False,
        nuts_sampler=sampler,
    )
    used, took = cpu() - before, time.monotonic() - began
    # Of the parameters that were drawn, not of what follows from them.
    drawn = [one.name for one in model.model.free_RVs]
    table = az.summary(model.idata, var_names=drawn, kind="diagnostics")
    figures = {
        "version": pymc_marketing.__version__,
        "sampler": version,
        "seconds": took,
        "cpu": used,
        "rHat": float(table["r_hat"].max()),
        "leastEffective": float(table[["ess_bulk", "ess_tail"]].min().min()),
        "divergences": int(model.idata.sample_stats["diverging"].sum()),
    }
    out.write(json.dumps(figures) + "\n")


# Chains run in processes that read this file again.
if __name__ == "__main__":
    main()
