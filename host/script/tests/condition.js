// Who comes from the network of the last log-in gets in for ten minutes, and the application learns the street.
var ALLOWED = 10 * 60 * 1000;

function only(values, what) {
    if (values === null || values.isEmpty()) {
        logger.warning('nothing is known of ' + what + ' for ' + username);
        return null;
    }
    return values.iterator().next();
}

function network(address) {
    return address.split('.').slice(0, 3).join('.');
}

function street() {
    var found = new java.util.ArrayList();
    var it = identity.getAttribute('postalAddress').iterator();
    while (it.hasNext()) {
        found.add(it.next());
    }
    return found;
}

var from = session.getProperty('Host');
var now = only(environment.get('ip'), 'the address');

if (now !== null && network(now).equals(network(from))) {
    authorized = true;
    ttl = new Date().getTime() + ALLOWED;
    responseAttributes.put('street', street());
} else {
    logger.warning('{} is not of the network of the log-in', now);
    advice.put('Network', [from]);
    authorized = false;
}
