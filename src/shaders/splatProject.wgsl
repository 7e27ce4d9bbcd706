// splatProject: from maps to splat records, for all avatars of a view. Fuse G = static + M_dyn ⊙ delta, activate, skin
// to this frame's pose, project with EWA (Zwicker et al. 2001, as in 3D Gaussian Splatting), cull, pack, and count the
// depth key for the sort. Reads slots, texels, expressed (from poseVertices), attributes, deltas, occluders (from
// splatOccluder). Writes records, keys, keyCounts. Keys: 16-bit, far first. Grid: one thread per Gaussian and avatar
// (x, y), 64 × 1 per workgroup. Cost: 44 bytes read, 20 more per delta map of a dynamic one, 48 of vertices that the
// cache holds; 36 written, 1 atomic; 4 texels that the cache holds where there are occluders. Colors are f16 where the
// device has it. Reference: src/runtime/reference/splatProject.ts, all but what occluders hide
#import "shared/constants.wgsl"
#import "shared/viewParams.wgsl"
#import "shared/viewSlot.wgsl"
#import "shared/headVertex.wgsl"
#import "shared/texel.wgsl"
#import "shared/posedFace.wgsl"
#import "shared/attributes.wgsl"
#import "shared/splatRecord.wgsl"
#import "shared/covariance.wgsl"
#import "shared/occluder.wgsl"

@group(0) @binding(0) var<uniform> view: ViewParams;
@group(0) @binding(1) var occluders: texture_depth_2d;
@group(1) @binding(0) var<storage, read> slots: array<ViewSlot>;
@group(1) @binding(1) var<storage, read> texels: array<Texel>;
@group(1) @binding(2) var<storage, read> expressed: array<HeadVertex>;
@group(1) @binding(3) var<storage, read> attributes: array<PackedAttributes>;
@group(1) @binding(4) var<storage, read> deltas: array<PackedDelta>;
@group(2) @binding(0) var<storage, read_write> records: array<SplatRecord>;
@group(2) @binding(1) var<storage, read_write> keys: array<u32>;
@group(2) @binding(2) var<storage, read_write> keyCounts: array<atomic<u32>>;

override CountKeys: bool = true; // off where the sort needs no counts

const ScaleMin: f32 = 1e-5; // meters
const ScaleMax: f32 = 0.02;
const DilationPx2: f32 = 0.3; // low-pass filter of the training rasteriser
const JacobianNdc: f32 = 1.3; // the projection is linearised no farther out than this, as in 3D Gaussian Splatting
const LeastTransmittance: f32 = 0.003;
const BackFaceCosine: f32 = 0.2; // keeps Gaussians just behind the silhouette, which still reach over it
const HorizonMargin: f32 = 0.05;
const HeadRadius: f32 = 0.08; // meters
const OutsideCosine: f32 = 0.45; // keeps what a glance through a shell meets where the layer inside it is narrower
const InsideCosine: f32 = 0.1; // of all other shells: keeps what is just within the silhouette

/// G = static + M_dyn ⊙ (weighted deltas), before activation.
fn dynamicAttributes(slot: u32, gaussian: u32, t: Texel) -> Attributes {
    var g = unpackAttributes(attributes[slots[slot].firstAttributes + gaussian]);
    if ((texelFlags(t) & DynamicFlag) != 0u) {
        let weights = slots[slot].deltaWeights;
        if (weights.x != 0.0) {
            g = addDelta(g, deltas[slots[slot].firstDeltaA + t.place], weights.x);
        }
        if (weights.y != 0.0) {
            g = addDelta(g, deltas[slots[slot].firstDeltaB + t.place], weights.y);
        }
    }
    return g;
}

/// Whether an occluder is nearer in all four texels around a place: in doubt, at its edges and where it is steep, it is
/// not.
fn isHidden(ndc: vec2f, z: f32) -> bool {
    let size = vec2i(textureDimensions(occluders));
    let last = size - 1;
    let place = vec2f(0.5 + 0.5 * ndc.x, 0.5 - 0.5 * ndc.y) * vec2f(size) - 0.5;
    let low = clamp(vec2i(floor(place)), vec2i(0), last);
    let high = min(low + 1, last);
    let nearest = vec4f(
        textureLoad(occluders, low, 0),
        textureLoad(occluders, vec2i(high.x, low.y), 0),
        textureLoad(occluders, vec2i(low.x, high.y), 0),
        textureLoad(occluders, high, 0),
    );
    return all(vec4f(z) < nearest);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let slot = id.y;
    let gaussian = id.x;
    if (gaussian >= slots[slot].gaussianCount) {
        return;
    }
    let record = slots[slot].firstRecord + gaussian;
    keys[record] = CulledKey;

    let t = texels[slots[slot].firstTexel + gaussian];
    let g = dynamicAttributes(slot, gaussian, t);

    // Opacity first. Limits are written so that a number that is none fails them.
    var alpha = slots[slot].opacity / (1.0 + exp(-g.opacity));
    let share = slots[slot].share;
    if (share < 1.0) {
        // two levels whose shares sum to 1 hide as much as one
        alpha = 1.0 - pow(max(1.0 - alpha, LeastTransmittance), share);
    }
    if (!(alpha >= AlphaCut)) {
        return;
    }

    // The surface that the Gaussian sits on, skinned with the weights of that place.
    let face = posedFace(slot, t);
    let posedFromCanonical = face.posedFromCanonical;
    let surface = face.bary.x * face.v0 + face.bary.y * face.v1 + face.bary.z * face.v2;
    let blend = transpose(mat3x3f(posedFromCanonical[0].xyz, posedFromCanonical[1].xyz, posedFromCanonical[2].xyz));

    // Half a head looks away. A Gaussian that stands off the head, as hair does, reaches over the horizon and is seen
    // from inside.
    if ((texelFlags(t) & TwoSidedFlag) == 0u) {
        let normal = cross(face.v1 - face.v0, face.v2 - face.v0);
        let near = HeadRadius / (HeadRadius + max(dot(normal, g.offset) / length(normal), 0.0));
        let limit = max(BackFaceCosine, HorizonMargin + sqrt(1.0 - near * near));
        let posedNormal = blend * normal;
        let eye = slots[slot].eyePosed;
        let towardsEye = eye.xyz - eye.w * (vec4f(surface, 1.0) * posedFromCanonical);
        if (dot(posedNormal, towardsEye) < -limit * length(posedNormal) * length(towardsEye)) {
            return;
        }
    }

    let mean = vec4f(surface + g.offset, 1.0) * posedFromCanonical;
    let clipFromPosed = slots[slot].clipFromPosed;
    let clip = clipFromPosed * vec4f(mean, 1.0);
    if (!(clip.w > 0.0 && clip.z >= 0.0 && clip.z <= clip.w)) {
        return;
    }
    let ndc = clip.xyz / clip.w;
    let depth = dot(slots[slot].depthFromPosed, vec4f(mean, 1.0));
    if ((view.flags & ViewHasOccluders) != 0u && all(abs(ndc.xy) < vec2f(1.0))) {
        if (isHidden(ndc.xy, occluderZ(view.occluderFromDepth, depth) / clip.w)) {
            return;
        }
    }

    // Covariance on the screen, Σ' = J Σ Jᵀ with Σ = (R S)(R S)ᵀ. J is the derivative of pixel position by posed
    // position; it contains world, camera and projection, so mirrored and non-uniformly scaled avatars need nothing
    // more.
    let clipX = vec3f(clipFromPosed[0].x, clipFromPosed[1].x, clipFromPosed[2].x);
    let clipY = vec3f(clipFromPosed[0].y, clipFromPosed[1].y, clipFromPosed[2].y);
    let clipW = vec3f(clipFromPosed[0].w, clipFromPosed[1].w, clipFromPosed[2].w);
    let held = clamp(ndc.xy, vec2f(-JacobianNdc), vec2f(JacobianNdc));
    let pxPerNdc = 0.5 * view.viewportPx;
    let jacobianX = (pxPerNdc.x / clip.w) * (clipX - held.x * clipW);
    let jacobianY = (pxPerNdc.y / clip.w) * (clipY - held.y * clipW);
    let size = length(g.quaternion);
    let quaternion = select(vec4f(0.0, 0.0, 0.0, 1.0), g.quaternion / size, size > 1e-12);
    let rotation = nearestRotation(blend) * rotationOf(quaternion);
    if ((texelFlags(t) & (OutsideFlag | InsideFlag)) != 0u) {
        // where back faces are kept, the eye is all 0 and this is no number
        let eye = slots[slot].eyePosed;
        let towardsEye = eye.xyz - eye.w * mean;
        let facing = dot(rotation[2], towardsEye) / length(towardsEye);
        let least = select(-InsideCosine, -OutsideCosine, (texelFlags(t) & TwoSidedFlag) != 0u);
        if (select(facing > InsideCosine, facing < least, (texelFlags(t) & OutsideFlag) != 0u)) {
            return;
        }
    }
    let scale = clamp(exp(g.logScale), vec3f(ScaleMin), vec3f(ScaleMax));
    let spreadX = scale * (jacobianX * rotation); // row of J R S
    let spreadY = scale * (jacobianY * rotation);
    let undilated = cross(spreadX, spreadY);
    let undilatedDeterminant = dot(undilated, undilated); // Lagrange's identity: no cancellation for thin splats
    let xx = dot(spreadX, spreadX);
    let yy = dot(spreadY, spreadY);
    let covariance = vec3f(xx + DilationPx2, dot(spreadX, spreadY), yy + DilationPx2);
    let determinant = undilatedDeterminant + DilationPx2 * (xx + yy + DilationPx2);
    if ((view.flags & ViewCompensateOpacity) != 0u) {
        alpha *= sqrt(undilatedDeterminant / determinant);
        if (!(alpha >= AlphaCut)) {
            return;
        }
    }

    // Off screen: the box around the ellipse where alpha reaches the cut.
    let extent = sqrt(2.0 * log(255.0 * alpha));
    let reachNdc = extent * sqrt(covariance.xz) / pxPerNdc;
    if ((view.flags & ViewKeepOffScreen) == 0u && any(abs(ndc.xy) > vec2f(1.0) + reachNdc)) {
        return;
    }

    let key = min(u32(max((slots[slot].farDepth - depth) * view.keysPerMeter, 0.0)), BucketCount - 1u);
    let color = clamp(g.color, vec3<real>(0.0), vec3<real>(1.0));
    let axes = ellipseAxes(covariance, determinant);
    records[record] = SplatRecord(
        ndc.xy,
        ndc.z,
        depth,
        pack2x16float(axes[0] / pxPerNdc),
        pack2x16float(axes[1] / pxPerNdc),
        packReals(color.rg),
        packReals(vec2<real>(color.b, real(select(alpha, -alpha, (texelFlags(t) & ShellFlag) != 0u)))),
    );
    keys[record] = key;
    if (CountKeys) {
        atomicAdd(&keyCounts[key], 1u);
    }
}
