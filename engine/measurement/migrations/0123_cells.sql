-- The sums of the journey map are computed anew.
update measurement.journey_sums set zone = null;
