// Which pixel a thread has, and which Gaussians its tile. For kernels that bind `params` and `start`, with one
// workgroup per tile and one thread per pixel; needs refineParams.wgsl and refineEllipse.wgsl. Three functions: what is
// the same for a workgroup must not be in one struct with what is not.
fn tileOf(group: vec3u) -> vec2u {
    return vec2u(group.x, params.firstRow + group.y);
}

fn pixelOf(tile: vec2u, thread: u32) -> vec2u {
    return TileEdge * tile + vec2u(thread % TileEdge, thread / TileEdge);
}

/// First Gaussian of a tile in `order`, and the one after its last.
fn gaussiansOf(tile: vec2u) -> vec2u {
    let index = tile.y * params.across + tile.x;
    return vec2u(start[index], start[index + 1u]);
}
