-- Paths tell whose facts they hold: all are built anew.
update measurement.build set grouping_version = -1;
