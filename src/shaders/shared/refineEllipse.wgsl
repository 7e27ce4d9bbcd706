// A Gaussian as the photo's camera sees it, and how much of a pixel it takes. Twin: src/runtime/refine/splatWeights.ts.
#import "shared/constants.wgsl"
const TileEdge: u32 = 16u; // pixels
const TilePixels: u32 = 256u; // one thread each
const Opaque: f32 = 1e-5; // less light than this is none

struct RefineEllipse {
    center: vec2f, // pixels, from the top left corner
    conicXx: f32, // d² = xx·dx² + 2·xy·dx·dy + yy·dy²
    conicXy: f32,
    conicYy: f32,
    opacity: f32,
}

// Alpha in a pixel; 0 below the cut.
fn alphaIn(ellipse: RefineEllipse, pixelCenter: vec2f) -> f32 {
    let d = pixelCenter - ellipse.center;
    let d2 = ellipse.conicXx * d.x * d.x + 2.0 * ellipse.conicXy * d.x * d.y + ellipse.conicYy * d.y * d.y;
    let alpha = ellipse.opacity * exp(-0.5 * d2);
    return select(0.0, alpha, alpha >= AlphaCut);
}
