"""Hair beyond the scalp and the bust from one to four photos (ALGORITHM.md); plain numpy steps that src/ ports one by
one."""
