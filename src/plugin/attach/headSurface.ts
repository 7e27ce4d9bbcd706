/**
 * The skin of one avatar as a mesh that can be posed on the processor: what rays meet, what hats stand on, what casts
 * shadows.
 */
import { CorrectVertices, ExpressVertices, PoseFeatures } from "../../flame/blendshapes.js";
import { EffectivePose, type ExpressionPose } from "../../flame/expression.js";
import { PoseLength, type HeadModel } from "../../flame/headModel.js";
import { VertexNormals } from "../../flame/normals.js";
import { PersonalVertices, TexelTableOf } from "../../flame/personalHead.js";
import { JointMatrices, JointMatricesLength, SkinVertices } from "../../flame/skinning.js";

/** What a surface is made from; borrowed. */
export interface IPersonMaps {
    /** [14,H,W], before activation. */
    readonly staticMap: ArrayLike<number>;
    /** H = W. */
    readonly mapSize: number;
}

/**
 * Owned by an avatar. Nothing is computed until it is asked for. The driver's own offsets (fractions of a millimeter)
 * are left out.
 */
export class HeadSurface {
    private _rest: Float32Array | null = null;
    private _restNormals: Float32Array | null = null;
    private readonly _pose = new Float32Array(PoseLength);
    private readonly _matrices = new Float32Array(JointMatricesLength);
    private readonly _directions: Float32Array;
    private readonly _features: Float32Array;

    /**
     * @param model head model of the avatar
     * @param _maps the person's maps
     */
    public constructor(
        public readonly model: HeadModel,
        private readonly _maps: IPersonMaps,
    ) {
        this._directions = new Float32Array(model.expressionCount + model.correctiveCount);
        this._features = this._directions.subarray(model.expressionCount);
    }

    /** [V,3] the person at rest, canonical, meters. Do not change it. */
    public get rest(): Float32Array {
        const { staticMap, mapSize } = this._maps;
        return (this._rest ??= PersonalVertices(this.model, TexelTableOf(this.model, mapSize), staticMap));
    }

    /** [V,3] unit normals of {@link rest}. Do not change it. */
    public get restNormals(): Float32Array {
        return (this._restNormals ??= VertexNormals(this.model, this.rest));
    }

    /**
     * Joint matrices of a pose.
     * @returns [5,12] 3×4 row-major; the same array each time
     */
    public jointMatrices(expressionPose: ExpressionPose): Float32Array {
        return JointMatrices(EffectivePose(this.model, expressionPose, this._pose), this.model.joints, this._matrices);
    }

    /**
     * How much each direction of the model counts in a pose: expressions, then pose correctives.
     * @returns [E+C]; the same array each time
     */
    public directions(expressionPose: ExpressionPose): Float32Array {
        this._directions.set(expressionPose.expression);
        if (this.model.correctiveCount > 0) {
            PoseFeatures(EffectivePose(this.model, expressionPose, this._pose), this._features);
        }
        return this._directions;
    }

    /**
     * All vertices in a pose.
     * @param into [V,3] receives posed space, meters
     */
    public poseVertices(expressionPose: ExpressionPose, into: Float32Array): Float32Array {
        ExpressVertices(this.model, expressionPose.expression, into, this.rest);
        const matrices = this.jointMatrices(expressionPose);
        CorrectVertices(this.model, this._pose, into);
        return SkinVertices(this.model, into, matrices, into);
    }
}
