import java.io.*;
import java.lang.reflect.*;
import java.math.*;
import java.nio.file.*;
import java.sql.Timestamp;
import java.time.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

/**
 * Makes streams of random object graphs, and compares two files of streams.
 *
 *   Streams make FILE SEED COUNT     each stream: int length, int objects in it, bytes
 *   Streams compare FILE FILE       the same of another writer; exit 1 at the first that differs
 *   Streams equal FILE FILE         likewise, but values (strings, numbers, dates) need not be shared
 *   Streams print FILE               one line a stream: what each object of it is, by toString
 */
public class Streams {
    enum Colour { RED, GREEN { int n() { return 2; } }, BLUE; int n() { return 1; } }

    record Point(int x, String label, Object more) implements Serializable { }

    static class Base implements Serializable {
        private static final long serialVersionUID = 1;
        boolean z; byte b; char c; short s; int i; long j; float f; double d;
        Object first;
        Base(Random r) {
            z = r.nextBoolean(); b = (byte) r.nextInt(); c = (char) r.nextInt(); s = (short) r.nextInt();
            i = r.nextInt(); j = r.nextLong(); f = r.nextFloat(); d = r.nextGaussian();
        }
    }

    static class Derived extends Base {
        private static final long serialVersionUID = 2;
        Object self; int[] numbers; String text; transient Object gone = new Object(); Base[] others;
        Derived(Random r) { super(r); }
    }

    static class Custom implements Serializable {
        private static final long serialVersionUID = 3;
        String kept; transient int n; transient Object inner; transient byte[] bytes;
        private void writeObject(ObjectOutputStream out) throws IOException {
            out.defaultWriteObject();
            out.writeInt(n); out.writeUTF("x" + n); out.writeObject(inner); out.writeInt(bytes.length); out.write(bytes);
        }
        private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
            in.defaultReadObject();
            n = in.readInt(); in.readUTF(); inner = in.readObject(); bytes = new byte[in.readInt()]; in.readFully(bytes);
        }
    }

    public static class Ext implements Externalizable {
        private static final long serialVersionUID = 4;
        Object inner; long n; double d;
        public Ext() { }
        public void writeExternal(ObjectOutput out) throws IOException { out.writeLong(n); out.writeObject(inner); out.writeDouble(d); out.writeObject(null); }
        public void readExternal(ObjectInput in) throws IOException, ClassNotFoundException { n = in.readLong(); inner = in.readObject(); d = in.readDouble(); in.readObject(); }
    }

    static class Fields implements Serializable {
        private static final long serialVersionUID = 5;
        private static final ObjectStreamField[] serialPersistentFields = { new ObjectStreamField("other", Object.class), new ObjectStreamField("n", int.class) };
        transient int n; transient Object other;
        private void writeObject(ObjectOutputStream out) throws IOException {
            ObjectOutputStream.PutField f = out.putFields(); f.put("n", n); f.put("other", other); out.writeFields();
        }
        private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
            ObjectInputStream.GetField f = in.readFields(); n = f.get("n", 0); other = f.get("other", null);
        }
    }

    static class Handler implements InvocationHandler, Serializable {
        private static final long serialVersionUID = 6;
        Object inner;
        public Object invoke(Object proxy, Method m, Object[] args) { return 0; }
    }

    interface Named { int named(); }

    final Random r;
    final List<Object> made = new ArrayList<>();

    Streams(long seed) { r = new Random(seed); }

    Object any(int depth) {
        if (!made.isEmpty() && r.nextInt(6) == 0) return made.get(r.nextInt(made.size()));
        Object o = depth <= 0 ? leaf() : r.nextInt(3) == 0 ? leaf() : branch(depth - 1);
        if (o != null) made.add(o);
        return o;
    }

    String text() {
        StringBuilder b = new StringBuilder();
        int n = r.nextInt(200) == 0 ? 70000 : r.nextInt(12);
        for (int i = 0; i < n; i++) {
            switch (r.nextInt(6)) {
                case 0: b.append((char) 0); break;
                case 1: b.appendCodePoint(0x1f600 + r.nextInt(50)); break;
                case 2: b.append((char) (0xd800 + r.nextInt(0x800))); break;
                case 3: b.append((char) r.nextInt(0x10000)); break;
                default: b.append((char) ('a' + r.nextInt(26)));
            }
        }
        return b.toString();
    }

    Object leaf() {
        switch (r.nextInt(32)) {
            case 0: return null;
            case 1: return r.nextInt(300) - 150;
            case 2: return r.nextLong();
            case 3: return (long) (r.nextInt(300) - 150);
            case 4: return (short) r.nextInt();
            case 5: return (byte) r.nextInt();
            case 6: return (char) r.nextInt();
            case 7: return r.nextBoolean();
            case 8: return r.nextFloat();
            case 9: return r.nextGaussian();
            case 10: return new Date(r.nextLong() >> 20);
            case 11: return new Timestamp(r.nextInt());
            case 12: return new BigInteger(r.nextInt(200), r);
            case 13: return new BigDecimal(new BigInteger(60, r), r.nextInt(20) - 10);
            case 14: return new UUID(r.nextLong(), r.nextLong());
            case 15: return Locale.forLanguageTag(new String[] {"de-CH", "en", "zh-Hant-TW"}[r.nextInt(3)]);
            case 16: return LocalDate.ofEpochDay(r.nextInt(40000));
            case 17: return Instant.ofEpochSecond(r.nextInt(), r.nextInt(1000));
            case 18: return ZonedDateTime.of(2024, 1 + r.nextInt(12), 3, 4, 5, 6, 7, ZoneId.of("Europe/Zurich"));
            case 19: return Duration.ofMillis(r.nextInt());
            case 20: return Colour.values()[r.nextInt(3)];
            case 21: return new Class<?>[] {String.class, int.class, Derived.class, int[][].class, Colour.class}[r.nextInt(5)];
            case 22: { byte[] b = new byte[r.nextInt(3000)]; r.nextBytes(b); return b; }
            case 23: return r.ints(r.nextInt(9)).toArray();
            case 24: return r.longs(r.nextInt(9)).toArray();
            case 25: return r.doubles(r.nextInt(9)).toArray();
            case 26: return new Object[] {new float[] {1.5f, Float.NaN}, new char[] {'x', 0xd800}, new short[] {-1}, new boolean[] {true, false}};
            case 27: return new AtomicLong(r.nextLong());
            default: return text();
        }
    }

    Object branch(int depth) {
        int n = r.nextInt(5);
        switch (r.nextInt(20)) {
            case 0: case 1: return fill(new ArrayList<>(), depth, n);
            case 2: return fill(new LinkedList<>(), depth, n);
            case 3: return fill(new Vector<>(), depth, n);
            case 4: { Object[] a = new Object[n]; made.add(a); for (int i = 0; i < n; i++) a[i] = any(depth); return a; }
            case 5: { String[] a = new String[n]; for (int i = 0; i < n; i++) a[i] = r.nextInt(4) == 0 ? null : text(); return a; }
            case 6: case 7: return fill(new HashMap<>(), depth, n);
            case 8: return fill(new LinkedHashMap<>(), depth, n);
            case 9: return fill(new TreeMap<>(), depth, n);
            case 10: { Set<Object> s = r.nextBoolean() ? new HashSet<>() : new LinkedHashSet<>(); for (int i = 0; i < n; i++) s.add(text()); return s; }
            case 11: { Map<Object, Object> m = new ConcurrentHashMap<>(); for (int i = 0; i < n; i++) m.put(text(), text()); return m; }
            case 12: { Derived o = new Derived(r); made.add(o); o.first = any(depth); o.self = r.nextBoolean() ? o : any(depth); o.text = text();
                o.numbers = r.ints(3).toArray(); o.others = new Base[] {o, null, new Base(r)}; return o; }
            case 13: { Custom o = new Custom(); made.add(o); o.kept = text(); o.n = r.nextInt(); o.inner = any(depth); o.bytes = new byte[r.nextInt(2200)]; return o; }
            case 14: { Ext o = new Ext(); made.add(o); o.n = r.nextLong(); o.inner = any(depth); o.d = r.nextDouble(); return o; }
            case 15: { Fields o = new Fields(); made.add(o); o.n = r.nextInt(); o.other = any(depth); return o; }
            case 16: { Handler h = new Handler(); made.add(h); h.inner = any(depth);
                return Proxy.newProxyInstance(Streams.class.getClassLoader(), new Class<?>[] {Named.class, Comparable.class}, h); }
            case 17: return new Point(r.nextInt(), text(), any(depth));
            case 18: return new IllegalStateException(text(), new IOException("inner"));
            default: return List.of(text(), text(), List.of(), Map.of(text(), 1), Collections.unmodifiableList(new ArrayList<>(List.of(2))));
        }
    }

    Object fill(Collection<Object> c, int depth, int n) { made.add(c); for (int i = 0; i < n; i++) c.add(any(depth)); return c; }

    Object fill(Map<Object, Object> m, int depth, int n) { for (int i = 0; i < n * 5; i++) m.put(text(), any(depth)); return m; }

    static byte[] write(Object... objects) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) { for (Object o : objects) out.writeObject(o); }
        return bytes.toByteArray();
    }

    /** Equal values of the same classes, whether or not strings and numbers are shared. */
    static boolean same(Object a, Object b) {
        if (a == null || b == null) return a == b;
        if (a.getClass() != b.getClass()) return false;
        if (a instanceof byte[] left) return Arrays.equals(left, (byte[]) b);
        if (a instanceof Object[] left) return same(Arrays.asList(left), Arrays.asList((Object[]) b));
        if (a instanceof List<?> left) {
            List<?> right = (List<?>) b;
            for (int i = 0; i < Math.min(left.size(), right.size()); i++) if (!same(left.get(i), right.get(i))) return false;
            return left.size() == right.size();
        }
        if (a instanceof Map<?, ?> left) {
            Map<?, ?> right = (Map<?, ?>) b;
            for (Map.Entry<?, ?> e : left.entrySet()) if (!right.containsKey(e.getKey()) || !same(e.getValue(), right.get(e.getKey()))) return false;
            return left.size() == right.size();
        }
        return a.equals(b);
    }

    static Object[] read(byte[] stream, int n) throws IOException, ClassNotFoundException {
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(stream))) {
            Object[] all = new Object[n];
            for (int i = 0; i < n; i++) all[i] = in.readObject();
            if (in.read() >= 0) throw new IOException("more in the stream than its objects");
            return all;
        }
    }

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "make": make(args[1], Long.parseLong(args[2]), Integer.parseInt(args[3])); break;
            case "compare": compare(args[1], args[2], true); break;
            case "equal": compare(args[1], args[2], false); break;
            default: print(args[1]);
        }
    }

    static void make(String file, long seed, int count) throws Exception {
        try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(new FileOutputStream(file)))) {
            for (int i = 0; i < count; i++) {
                Streams s = new Streams(seed * 1000003 + i);
                Object[] objects = new Object[1 + s.r.nextInt(3)];
                for (int k = 0; k < objects.length; k++) objects[k] = s.any(4);
                byte[] stream = write(objects);
                out.writeInt(stream.length); out.writeInt(objects.length); out.write(stream);
            }
        }
    }

    static void compare(String a, String b, boolean sharing) throws Exception {
        try (DataInputStream left = new DataInputStream(new BufferedInputStream(new FileInputStream(a)));
             DataInputStream right = new DataInputStream(new BufferedInputStream(new FileInputStream(b)))) {
            int i = 0;
            for (; ; i++) {
                int size;
                try { size = left.readInt(); } catch (EOFException e) { break; }
                int n = left.readInt();
                byte[] mine = left.readNBytes(size);
                int otherSize = right.readInt();
                if (right.readInt() != n) throw new IOException("stream " + i + ": another number of objects");
                byte[] others = right.readNBytes(otherSize);
                Object[] want, got;
                want = read(mine, n);
                try { got = read(others, n); } catch (Exception e) { throw new IOException("stream " + i + " cannot be read", e); }
                // Java writes an equal graph, with the same sharing, in the same bytes.
                if (!Arrays.equals(write(want), write(got)) && (sharing || !same(want, got))) {
                    System.out.println("stream " + i + " is another graph: " + Arrays.deepToString(want));
                    System.exit(1);
                }
            }
            if (right.read() >= 0) throw new IOException("more streams than expected");
            System.out.println(i + " streams are equal");
        }
    }

    static void print(String file) throws Exception {
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(new FileInputStream(file)))) {
            for (; ; ) {
                int size;
                try { size = in.readInt(); } catch (EOFException e) { break; }
                int n = in.readInt();
                for (Object o : read(in.readNBytes(size), n)) out.println((o == null ? "null" : o.getClass().getName()) + " " + (o instanceof byte[] b ? Arrays.toString(b) : o instanceof Date d ? Long.toString(d.getTime()) : String.valueOf(o)));
            }
        }
        out.flush();
    }
}
