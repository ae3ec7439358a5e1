package front

// settleMoved lets members begin anew whose worker is another endpoint than in
// old: an error there says nothing of the new one.
func (l *line) settleMoved(old *line) {
	for name, b := range l.balancers {
		if old.balancers[name] == nil {
			continue
		}
		for worker, w := range l.workers {
			if before := old.workers[worker]; before != nil && !w.Adopted(before) {
				b.Moved(worker)
			}
		}
	}
}
