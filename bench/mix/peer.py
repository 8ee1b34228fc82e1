"""The model of bench/mix/index.ts in Stan: reads data as JSON from stdin, prints draws, seconds and CPU seconds as JSON."""
import json
import resource
import subprocess
import sys
import time

try:
    import simdjson
    import stan
except ImportError:
    print(json.dumps({"missing": "pystan"}))
    sys.exit(0)


class Message(dict):
    def as_dict(self):
        return dict(self)


class Lenient:
    """Reads Stan's messages; pystan breaks on those that quote a sentence wrongly."""

    def parse(self, line, *_):
        try:
            return Message(json.loads(line))
        except ValueError:
            return Message(topic="broken", values=["info:"])


simdjson.Parser = Lenient
simdjson.Object = dict
simdjson.loads = json.loads

# httpstan gives its compiler one second, too few on a busy machine.
patient = subprocess.run
subprocess.run = lambda *words, **more: patient(*words, **({**more, "timeout": 300} if "timeout" in more else more))

CODE = """
data {
  int<lower=1> weeks; int<lower=1> channels; int<lower=1> columns; int<lower=1> lags; int<lower=0> tests;
  vector[weeks] outcome; array[channels] vector[weeks] spend;
  matrix[weeks, columns] base; vector[columns] centre; vector<lower=0>[columns] width; real<lower=0> noise_width;
  array[tests] int channel; array[tests] int first; array[tests] int last; vector[tests] increment; vector[tests] error;
}
parameters {
  vector<lower=0, upper=1>[channels] retention; vector<lower=0>[channels] rate; vector<lower=0>[channels] coefficient;
  vector[columns] weight; real<lower=0> noise;
}
transformed parameters {
  array[channels] vector[weeks] brought;
  for (c in 1:channels) {
    vector[lags] share;
    for (l in 1:lags) share[l] = retention[c]^(l - 1);
    share /= sum(share);
    for (t in 1:weeks) {
      real stock = 0;
      for (l in 1:min(lags, t)) stock += share[l] * spend[c][t - l + 1];
      brought[c][t] = coefficient[c] * (1 - exp(-rate[c] * stock)) / (1 + exp(-rate[c] * stock));
    }
  }
}
model {
  vector[weeks] mean = base * weight;
  for (c in 1:channels) mean += brought[c];
  retention ~ beta(1, 3); rate ~ gamma(3, 1); coefficient ~ normal(0, 0.5); weight ~ normal(centre, width);
  noise ~ normal(0, noise_width);
  outcome ~ normal(mean, noise);
  for (i in 1:tests) {
    // What the channel brought in the window, against no spend in it.
    vector[lags] share;
    real gain = 0;
    int c = channel[i];
    for (l in 1:lags) share[l] = retention[c]^(l - 1);
    share /= sum(share);
    for (t in first[i]:last[i]) {
      real stock = 0;
      for (l in 1:min(lags, t)) if (t - l + 1 < first[i]) stock += share[l] * spend[c][t - l + 1];
      gain += brought[c][t] - coefficient[c] * (1 - exp(-rate[c] * stock)) / (1 + exp(-rate[c] * stock));
    }
    increment[i] ~ normal(gain, error[i]);
  }
}
generated quantities { vector[channels] total; for (c in 1:channels) total[c] = sum(brought[c]); }
"""


def cpu():
    return sum(resource.getrusage(who).ru_utime + resource.getrusage(who).ru_stime
               for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


given = json.load(sys.stdin)
run = given.pop("run")
out = sys.stdout
sys.stdout = sys.stderr
model = stan.build(CODE, data=given, random_seed=run["seed"])
before, began = cpu(), time.monotonic()
fit = model.sample(num_chains=run["chains"], num_samples=run["draws"], num_warmup=run["warmup"], delta=run["target"])
used, took = cpu() - before, time.monotonic() - began
names = ["total", "retention", "rate", "coefficient"]
draws = {}
for name in names:
    values = fit[name]  # component × (draw, chain interleaved by draw)
    for component in range(values.shape[0]):
        flat = values[component]
        draws[f"{name}.{component}"] = [flat[chain::run["chains"]].tolist() for chain in range(run["chains"])]
draws["noise.0"] = [fit["noise"].reshape(-1)[chain::run["chains"]].tolist() for chain in range(run["chains"])]
sys.stdout = out
print(json.dumps({"draws": draws, "seconds": took, "cpu": used, "version": stan.__version__}))
