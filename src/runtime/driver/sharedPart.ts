/** What the avatars of a person have in common of their driver: whoever lets go last disposes it. */
export class SharedPart<Part extends { dispose(): void }> {
    private _users = 0;

    /**
     * @param part owned from now on
     * @param _onDispose told when the last user is gone
     */
    public constructor(
        public readonly part: Part,
        private readonly _onDispose: () => void,
    ) {}

    /** One user more. */
    public join(): void {
        this._users++;
    }

    /** One user less. */
    public leave(): void {
        if (--this._users === 0) {
            this.part.dispose();
            this._onDispose();
        }
    }
}
