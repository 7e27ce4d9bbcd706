"""What we add to the paper, one idea per file. None of it is in models/paper.py; docs/paper.md says what each is worth.

`trunks` small encoders for who has no GPU · `decoder` fewer convolutions, with what a landmark fit knows ·
`light_driver` the driver that a page can afford · `pixel_skip` colors from the photos' own pixels, with `alignment` (a
second look) and `push_pull` (colors carried to texels that no photo shows) · `mean_head` maps are residuals to the mean
head, with `spacing` (Gaussians meet their neighbours) · `base_maps` what a model takes from the head model."""
