"""Splink by the neutral statement of er-bench.json on the same file: pairs inside clusters against the known persons."""
import json
import logging
import resource
import sys
import time

import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

# Standard output is for figures alone.
logging.disable(logging.CRITICAL)

statement = json.load(open(sys.argv[1]))
frame = pd.read_csv(sys.argv[2], dtype=str, skipinitialspace=True).rename(columns=str.strip)
frame = frame.apply(lambda column: column.str.strip()).replace("", None)
frame = frame.astype(object).where(frame.notna(), None)
began = time.process_time()

kinds = {
    "name": lambda column: cl.NameComparison(column),
    "date": lambda column: cl.DateOfBirthComparison(column, input_is_string=True),
    "exact": lambda column: cl.ExactMatch(column),
    "exact_tf": lambda column: cl.ExactMatch(column).configure(term_frequency_adjustments=True),
    "edit2": lambda column: cl.LevenshteinAtThresholds(column, [1, 2]),
    "email": lambda column: cl.EmailComparison(column),
    "postcode": lambda column: cl.PostcodeComparison(column),
    "text": lambda column: cl.JaroWinklerAtThresholds(column, [0.92, 0.85, 0.75]),
}


def compared(columns, kind):
    if kind == "forename_surname":
        return cl.ForenameSurnameComparison(*columns.split("+"))
    return kinds[kind.split(":")[0]](columns)


rules = [block_on(*rule) for rule in statement["block"] + statement.get("blockAlso", [])]
linker = Linker(
    frame,
    SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name=statement["id"],
        comparisons=[compared(*pair) for pair in statement["compare"].items()],
        blocking_rules_to_generate_predictions=rules,
        retain_intermediate_calculation_columns=False,
    ),
    db_api=DuckDBAPI(),
)
train = linker.training
train.estimate_probability_two_random_records_match(
    [block_on(*rule) for rule in statement["sure"]], recall=statement["sureRecall"]
)
train.estimate_u_using_random_sampling(max_pairs=statement["uPairs"], seed=1)
for rule in statement["em"]:
    train.estimate_parameters_using_expectation_maximisation(block_on(*rule))
scored = linker.inference.predict(threshold_match_probability=0.01)

truth = dict(zip(frame[statement["id"]], frame["cluster"]))


def pairs(sizes):
    return sum(size * (size - 1) // 2 for size in sizes)


known = pairs(frame["cluster"].value_counts())
best = (0, 0, 0, 0)
for least in [0.5, 0.9, 0.95, 0.99]:
    found = linker.clustering.cluster_pairwise_predictions_at_threshold(scored, least).as_pandas_dataframe()
    found["truth"] = found[statement["id"]].map(truth)
    right = pairs(found.groupby(["cluster_id", "truth"]).size())
    all_found = pairs(found["cluster_id"].value_counts())
    precision, recall = right / max(1, all_found), right / known
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    best = max(best, (f1, precision, recall, least))
used = time.process_time() - began
for figure, value in [
    ("best clustered F1 of four thresholds", best[0]),
    ("its precision", best[1]),
    ("its recall", best[2]),
    ("its threshold", best[3]),
    ("CPU seconds", used),
    ("MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
]:
    print(json.dumps({"figure": figure, "value": round(value, 4)}), flush=True)
