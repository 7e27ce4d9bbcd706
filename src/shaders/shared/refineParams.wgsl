// One photo's picture and the tiles of one dispatch.
struct RefineParams {
    size: u32, // edge of the picture in pixels
    across: u32, // tiles per side
    firstRow: u32, // of tiles
    gaussianCount: u32,
}
